"""Align traces with pm4py: JSON in, JSON out, one line each. Runs in an environment of its own; see README.md.

    echo '{"variant": "...", "states": 2, "start": 0, "end": 1, "arrows": [[0, 1, "a"]], "traces": ["ab"]}' |
        PATH/bin/python pm4py_costs.py

A request is a model, whose arrows are (state before, state after, label or ""), and traces of labels, a string or a
list. The answer holds the number of deviations of each trace and the CPU seconds of all alignments; the log and the
net are made before the clock is started.
"""

import contextlib
import json
import os
import sys
import time
from typing import Any, TextIO

with contextlib.redirect_stdout(sys.stderr):    # it greets on standard output
    import pm4py
    from pm4py.algo.conformance.alignments.petri_net import algorithm
    from pm4py.objects.log.obj import Event, EventLog, Trace
    from pm4py.objects.petri_net.obj import Marking, PetriNet
    from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to

VARIANTS = {"state-equation A*": algorithm.Variants.VERSION_STATE_EQUATION_A_STAR,
            "Dijkstra, no heuristics": algorithm.Variants.VERSION_DIJKSTRA_NO_HEURISTICS,
            "Dijkstra, semantics": algorithm.Variants.VERSION_DIJKSTRA_SEMANTICS}
DEVIATION = 10_000
"""What it charges for one; a silent step costs it 1."""


def net_of(asked: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return a net with a place for each state and a transition for each arrow."""
    net = PetriNet("model")
    places = [PetriNet.Place(f"s{state}") for state in range(asked["states"])]
    net.places.update(places)
    for at, (source, target, label) in enumerate(asked["arrows"]):
        transition = PetriNet.Transition(f"t{at}", label or None)
        net.transitions.add(transition)
        add_arc_from_to(places[source], transition, net)
        add_arc_from_to(transition, places[target], net)
    return net, Marking({places[asked["start"]]: 1}), Marking({places[asked["end"]]: 1})


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the number of deviations of each trace, and the CPU seconds that finding them took."""
    net, initial, final = net_of(asked)
    log = [Trace([Event({"concept:name": label}) for label in trace]) for trace in asked["traces"]]
    variant = VARIANTS[asked["variant"]]
    begun = time.process_time()
    found = algorithm.apply(EventLog(log), net, initial, final, variant=variant,
                            parameters={"show_progress_bar": False})
    seconds = time.process_time() - begun
    return {"costs": [one["cost"] // DEVIATION for one in found], "seconds": seconds, "version": pm4py.__version__}


def main(answers: TextIO) -> None:
    """Answer request after request; nothing else is written where the answers go."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w") as own:
        os.dup2(2, 1)
        main(own)
