// The page's only script: it lists, filters and opens episodes, opens what is folded before printing, and copies the
// methods text. Whatever comes from data is put in as text, never as markup.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MOST_LINES = 60;
  const byId = (id) => document.getElementById(id);

  // --- making elements ----------------------------------------------------------------------------------------

  const filled = (element, attributes, content) => {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null) element.setAttribute(name, value);
    }
    element.append(...content);
    return element;
  };
  const make = (tag, attributes = {}, ...content) => filled(document.createElement(tag), attributes, content);
  const draw = (tag, attributes = {}, ...content) => filled(document.createElementNS(SVG, tag), attributes, content);
  const apart = (text) => make("bdi", {}, text);
  const counted = (n, name) => `${n.toLocaleString("en")} ${name}${n === 1 ? "" : "s"}`;

  // --- the page around the episodes -----------------------------------------------------------------------------

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of folded) one.open = false; });

  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = byId(button.dataset.copies);
      const said = byId(`${button.dataset.copies}-said`);
      try {
        await navigator.clipboard.writeText(text.innerText);
        said.textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren(text);
        said.textContent = "Selected: copy it with the keys of your system.";
      }
    });
  }

  // What is wider than the screen can be scrolled by keyboard; what is not would be one stop too many.
  const reach = () => {
    for (const one of document.querySelectorAll(".wide")) {
      const scrolls = one.scrollWidth > one.clientWidth;
      const name = one.querySelector("caption")?.textContent ?? one.querySelector("svg")?.getAttribute("aria-label");
      for (const [attribute, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", name]]) {
        if (scrolls) one.setAttribute(attribute, value);
        else one.removeAttribute(attribute);
      }
    }
  };
  addEventListener("resize", reach);
  reach();

  // --- the episodes -----------------------------------------------------------------------------------------------

  const place = byId("explorer");
  if (!place) return;
  const all = JSON.parse(byId("episodes-index").textContent);
  const total = all.name.length;
  const read = new Map();
  const detailOf = (at) => {
    const page = Math.floor(at / all.perPage);
    if (!read.has(page)) read.set(page, JSON.parse(byId(`episodes-${page}`).textContent).map(unfolded));
    return read.get(page)[at % all.perPage];
  };

  // Times and rows are held as steps from the one before; which moves are off the model follows from what is said of them.
  const off = new Set(all.off);
  const sums = (steps) => {
    let held = 0;
    return steps.map((step) => step === null ? null : (held += step));
  };
  const unfolded = (one) => ({
    ...one, t: sums(one.t), r: sums(one.r), f: one.f && sums(one.f), v: one.v && sums(one.v), p: [...one.p].map(Number),
    x: (one.d ?? []).flatMap((did, at) => off.has(did) ? [at] : []),
  });
  const filledIn = ([words, ...numbers]) => {
    let at = -1;
    return all.words[words].replaceAll(all.number, () => numbers[at += 1]);
  };

  const clock = (micro) => {
    const whole = Math.floor(micro / 1e6);
    const fraction = String(micro % 1e6).padStart(6, "0").replace(/0+$/, "");
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const shown = `${two(Math.floor(whole % 3600 / 60))}:${two(whole % 60)}`;
    return (hours ? `${hours}:${shown}` : shown) + (fraction ? `.${fraction}` : "");
  };
  const when = (time) => all.clock ? clock(time * all.unit) : `${all.turn} ${time * all.unit}`;
  const who = (party) => all.parties[party] ?? all.nobody;
  const shownState = (at) => all.states[at][0];

  // --- filtering --------------------------------------------------------------------------------------------------

  const kinds = [["type", "rupture type", all.types], ["end", "end reached", all.ends], ["track", "track", all.tracks]];
  const chosen = { type: -1, end: -1, track: all.tracks.length > 1 ? 0 : -1, words: "" };
  let found = [];
  let first = 0;

  const matches = (at) => kinds.every(([name]) => chosen[name] < 0 || all[name][at] === chosen[name]) &&
    (!chosen.words || all.dyads[all.dyad[at]].toLowerCase().includes(chosen.words) ||
      all.name[at].toLowerCase().includes(chosen.words));
  const filter = () => {
    found = [];
    for (let at = 0; at < total; at += 1) if (matches(at)) found.push(at);
    first = 0;
    list();
  };

  const choice = ([name, title, words]) => make("label", {}, title, make("select", {
    id: `filter-${name}`, onchange: (event) => { chosen[name] = Number(event.target.value); filter(); },
  }, make("option", { value: -1 }, "all"), ...words.map((word, at) =>
    make("option", { value: at, ...(at === chosen[name] ? { selected: "" } : {}) }, word))));
  const search = () => make("label", {}, "dyad or episode", make("input", {
    id: "filter-words", type: "search", autocomplete: "off", list: all.dyads.length <= 200 ? "dyads" : null,
    oninput: (event) => { chosen.words = event.target.value.trim().toLowerCase(); filter(); },
  }));

  // --- the list ---------------------------------------------------------------------------------------------------

  const columns = ["episode", "dyad", "track", "rupture type", "session", "moves", "end reached", "off the model",
    "skipped", "negotiation of needs"];
  const counts = ["session", "moves", "off the model", "skipped"];
  const body = make("tbody");
  const status = make("p", { role: "status" });
  const turn = (by) => { first = Math.max(0, Math.min(first + by, found.length - 1)); list(); };
  const before = make("button", { type: "button", onclick: () => turn(-all.perPage) }, "Previous page");
  const after = make("button", { type: "button", onclick: () => turn(all.perPage) }, "Next page");

  const traced = (at) => all.end[at] < all.ends.length - 1;
  const row = (at) => make("tr", {},
    make("th", { scope: "row" }, make("button", {
      type: "button", class: "open", "data-at": at, onclick: () => open(at),
    }, all.name[at])),
    make("td", {}, all.dyads[all.dyad[at]]), make("td", {}, all.tracks[all.track[at]]),
    make("td", {}, all.types[all.type[at]]), make("td", { class: "n" }, String(all.session[at])),
    make("td", { class: "n" }, all.moves[at].toLocaleString("en")), make("td", {}, all.ends[all.end[at]]),
    make("td", { class: "n" }, traced(at) ? String(all.offModel[at]) : ""),
    make("td", { class: "n" }, traced(at) ? String(all.skipped[at]) : ""),
    make("td", {}, all.needsEnds[all.needs[at]]));
  const list = () => {
    const last = Math.min(first + all.perPage, found.length);
    body.replaceChildren(...found.slice(first, last).map(row));
    reach();
    status.textContent = found.length
      ? `${counted(found.length, "episode")} of ${total.toLocaleString("en")} match; ${first + 1} to ${last} are shown.`
      : `No episode of ${total.toLocaleString("en")} matches; choose "all" somewhere.`;
    before.disabled = first === 0;
    after.disabled = last >= found.length;
  };

  // --- one episode --------------------------------------------------------------------------------------------------

  const panel = make("section", {
    class: "episode", hidden: "", "aria-labelledby": "episode-title",
    onkeydown: (event) => { if (event.key === "Escape") close(); },
  });
  let opened = -1;

  const open = (at) => {
    opened = at;
    const one = detailOf(at);
    panel.replaceChildren(...head(at), ...timeline(at, one), ...path(one), ...deviations(one), ...negotiation(one),
      ...told(one));
    panel.hidden = false;
    reach();
    byId("episode-title").focus();
    panel.scrollIntoView({ block: "start" });
  };
  const close = () => {
    panel.hidden = true;
    const back = body.querySelector(`[data-at="${opened}"]`) ?? byId("filter-type");
    opened = -1;
    back.focus();
  };
  const step = (by) => {
    const at = found.indexOf(opened) + by;
    if (at < first || at >= first + all.perPage) { first = Math.floor(at / all.perPage) * all.perPage; list(); }
    open(found[at]);
  };

  const head = (at) => {
    const here = found.indexOf(at);
    return [
      make("h3", { id: "episode-title", tabindex: "-1" }, "Episode ", apart(all.name[at])),
      make("p", {}, "Dyad ", apart(all.dyads[all.dyad[at]]), ", track ", apart(all.tracks[all.track[at]]),
        `; rupture type: ${all.types[all.type[at]]}; ${counted(all.moves[at], "move")}; end reached: ` +
        `${all.ends[all.end[at]]}.`),
      make("div", { class: "pages" },
        make("button", { type: "button", onclick: close }, "Back to the list"),
        make("button", { type: "button", onclick: () => step(-1), ...(here <= 0 ? { disabled: "" } : {}) },
          "Previous episode"),
        make("button", {
          type: "button", onclick: () => step(1), ...(here < 0 || here + 1 >= found.length ? { disabled: "" } : {}),
        }, "Next episode")),
    ];
  };

  const sessionsOf = (one) => one.s.flatMap(([session, n]) => Array(n).fill(session));
  const states = (one) => {
    const path = [all.start];
    for (const state of one.a) if (state !== path[path.length - 1]) path.push(state);
    return path;
  };

  const path = (one) => one.a ? [make("h4", {}, "Path"), make("ol", { class: "path" }, ...states(one).map((state) =>
    make("li", { class: `edge-${all.states[state][1]}` }, make("small", {}, all.states[state][1]),
      apart(shownState(state).replaceAll("_", " ")))))] : [];

  const deviations = (one) => {
    if (!one.a) return [];
    const sessions = sessionsOf(one);
    const lines = [
      ...one.x.map((at) => [at, all.words[one.d[at]]]),
      ...one.k.map(([at, names]) => [at, `skipped ${names.map(shownState).join(", ").replaceAll("_", " ")}`]),
    ].sort((left, right) => left[0] - right[0]).map(([at, words]) =>
      `session ${sessions[at]}, ${when(one.t[at])} ${who(one.p[at])}, move ${one.r[at]}: ${words}`);
    const none = "None: every move took an arrow, and no step was skipped.";
    return [make("h4", {}, "Deviations"), ...(lines.length ? unrolled(lines, "deviations") : [make("p", {}, none)])];
  };

  // Of many lines the first are shown, and a button shows the rest.
  const unrolled = (lines, name) => {
    const items = make("ul", { class: "lines", id: name }, ...lines.slice(0, MOST_LINES).map((text) => make("li", {}, text)));
    const rest = lines.slice(MOST_LINES);
    const more = make("button", {
      type: "button", onclick: () => {
        const fresh = rest.map((text) => make("li", { tabindex: "-1" }, text));
        items.append(...fresh);
        more.remove();
        fresh[0].focus();
      },
    }, `Show ${counted(rest.length, "more line")}`);
    return [items, ...(rest.length ? [more] : [])];
  };

  const tape = (one, at) => {
    let text = `move ${one.r[at]}`;
    if (one.f && one.f[at] !== null) text += `, row ${one.f[at]} of the file`;
    if (one.v && one.v[at] !== null) text += `, recording at ${clock(one.v[at] * all.mediaUnit)}`;
    if (one.n && at in one.n) text += `, note ${one.n[at]}`;
    return text;
  };
  const told = (one) => {
    const lines = one.h.map((line) => typeof line === "number" ? all.words[line] : line);
    const sessions = sessionsOf(one);
    one.t.forEach((time, at) => {
      if (at && sessions[at] !== sessions[at - 1]) lines.push(`In session ${sessions[at]}:`);
      const did = one.d ? `: ${all.words[one.d[at]]}` : "";
      lines.push(`${when(time)} ${who(one.p[at])}: ${all.codes[one.c[at]][1]} [${tape(one, at)}]${did}`);
    });
    lines.push(...(one.g ?? []));
    return [make("h4", {}, "What was traced, and the way back to the tape"), ...unrolled(lines, "explanation")];
  };

  const negotiation = (one) => {
    const lines = [...one.q.h];
    let session = one.s.length ? one.s[0][0] : 0;
    const sessions = sessionsOf(one);
    for (const [number, at, ...words] of one.q.n) {
      if (sessions[at] !== session) { session = sessions[at]; lines.push(`-- session ${session} --`); }
      lines.push(`turn ${number} (row ${one.r[at]}${all.clock ? `, ${when(one.t[at])}` : ""}): ${filledIn(words)}`);
    }
    lines.push(...one.q.g.map(filledIn));
    return [make("h4", {}, "Negotiation of needs"), ...unrolled(lines, "negotiation")];
  };

  // --- its timeline -------------------------------------------------------------------------------------------------

  const WIDTH = 960, LEFT = 190, RIGHT = 40, GAP = 26, LANE = 30, ROW = 20, CLAIMS = 24;

  const scaleOf = (one, sessions) => {
    const spans = new Map();
    const take = (session, time) => {
      const [low, high] = spans.get(session) ?? [time, time];
      spans.set(session, [Math.min(low, time), Math.max(high, time)]);
    };
    one.t.forEach((time, at) => take(sessions[at], time));
    if (spans.has(one.e[0])) take(one.e[0], one.e[1]);
    const sum = [...spans.values()].reduce((held, [low, high]) => held + high - low, 0);
    const least = 30;
    const room = Math.max(0, WIDTH - LEFT - RIGHT - GAP * (spans.size - 1) - least * spans.size);
    const placed = new Map();
    let x = LEFT;
    for (const [session, [low, high]] of spans) {
      const width = least + room * (sum ? (high - low) / sum : 1 / spans.size);
      placed.set(session, { x, width, low, high });
      x += width + GAP;
    }
    const at = (session, time) => {
      const { x: left, width, low, high } = placed.get(session);
      return Math.round((left + width * (high > low ? (time - low) / (high - low) : 0.5)) * 10) / 10;
    };
    return { placed, at };
  };

  const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

  const timeline = (at, one) => {
    if (!one.t.length) return [];
    const sessions = sessionsOf(one);
    const scale = scaleOf(one, sessions);
    const lanes = [...all.parties, ...(one.p.some((party) => party > 1) ? ["not said who"] : [])];
    const used = one.a ? [...new Set([...states(one), ...one.k.flatMap(([, names]) => names)])].sort((a, b) => a - b) : [];
    const claiming = [...new Set((one.w ?? []).map(([party]) => party))].sort();
    const top = 24, claims = top + LANE * lanes.length + 4, under = claims + CLAIMS * claiming.length + 2;
    const bottom = under + ROW * used.length;
    const y = (party) => top + LANE * party + LANE / 2;
    const parts = [];
    lanes.forEach((name, lane) => parts.push(
      draw("line", { class: "lane", x1: LEFT - 10, x2: WIDTH - 4, y1: y(lane), y2: y(lane) }),
      draw("text", { x: 0, y: y(lane) + 4 }, cut(name, 26))));
    used.forEach((state, at) => parts.push(
      draw("text", { x: 0, y: under + ROW * at + 14 }, cut(shownState(state).replaceAll("_", " "), 26))));
    claiming.forEach((party, row) => parts.push(
      draw("text", { x: 0, y: claims + CLAIMS * row + 14 }, cut(`needs: ${all.parties[party]}`, 26))));
    parts.push(...ratings(one, sessions, scale, y), ...needs(one, sessions, scale, claiming, claims),
      ...stays(one, sessions, scale, used, under), ...moves(one, sessions, scale, y),
      ...skips(one, sessions, scale, used, under), ...frame(one, scale, bottom), ...unseen(one, scale, top, bottom));
    const words = `Timeline of the episode: ${counted(one.t.length, "move")}, the ${lanes[0]} above and the ${lanes[1]} ` +
      `below${one.a ? `, ${one.x.length} of them off the model; beneath, the states it went through` : ""}.` +
      (one.i ? ` ${counted(Object.keys(one.i).length, "move")} with a rating, up to ${highest(one)}.` : "") +
      (one.w ? ` ${counted(one.w.length, "claim")} of needs: ${one.w.map(claimed).join(", ")}.` : "");
    const dots = one.a
      ? "A dot takes an arrow of the model, in the colour of the phase after it; a cross is off the model; a diamond is " +
        "a step that was skipped; what is hatched was not observed."
      : "A dot is a move; what is hatched was not observed.";
    const key = dots + (one.i ? ` A stem over a move is its rating, up to ${highest(one)}.` : "") + (one.w
      ? " A bar is how long a claim was open, of agency above and of communion below; it ends with a stroke where the " +
        "claim was met, a cross where it was yielded, a triangle where it stayed open." : "");
    return [make("h4", {}, "Timeline"), make("div", { class: "wide" },
      draw("svg", { class: "strip", viewBox: `0 0 ${WIDTH} ${bottom + 24}`, role: "img", "aria-label": words }, ...parts)),
    make("p", { class: "name" }, key)];
  };

  const moves = (one, sessions, scale, y) => {
    const dots = new Map();
    let rims = "", crosses = "";
    const off = new Set(one.x ?? []);
    one.t.forEach((time, at) => {
      const [left, level] = [scale.at(sessions[at], time), y(Math.min(one.p[at], 2))];
      if (off.has(at)) { crosses += `M${left - 4} ${level - 4}l8 8m0-8l-8 8`; return; }
      const phase = one.a ? all.states[one.a[at]][1] : "none";
      dots.set(phase, `${dots.get(phase) ?? ""}M${left} ${level}h.01`);
      rims += `M${left} ${level}h.01`;
    });
    return [draw("path", { class: "rim", d: rims }),
      ...[...dots].map(([phase, d]) => draw("path", { class: `dot line-${phase}`, d })),
      ...(crosses ? [draw("path", { class: "off", d: crosses })] : [])];
  };

  const highest = (one) => Math.max(...Object.values(one.i));
  const ratings = (one, sessions, scale, y) => {
    const d = Object.entries(one.i ?? {}).map(([at, rating]) =>
      `M${scale.at(sessions[at], one.t[at])} ${y(Math.min(one.p[at], 2)) - 6}v${-9 * rating / highest(one)}`).join("");
    return d ? [draw("path", { class: "rated", d })] : [];
  };

  // How long each claim was open: a row for each person who claimed, agency above communion.
  const claimed = ([party, need, , , end]) => `${all.parties[party]} ${all.needNames[need]} ${all.claimEnds[end]}`;
  const needs = (one, sessions, scale, claiming, top) => {
    const place = (at) => scale.at(sessions[at], one.t[at]);
    const last = Math.max(...[...scale.placed.values()].map(({ x, width }) => x + width));
    const signs = {
      met: (x, y) => `M${x} ${y - 3}v12`, yielded: (x, y) => `M${x - 4} ${y - 1}l8 8m0-8l-8 8`,
      open: (x, y) => `M${x - 2} ${y - 2}l8 5l-8 5z`,
    };
    return (one.w ?? []).flatMap(([party, need, from, to, end]) => {
      const y = top + CLAIMS * claiming.indexOf(party) + 1 + 10 * need;
      const [left, right] = [place(from), to < 0 ? last : place(to)];
      const look = `need-${all.needNames[need]}`, sign = signs[all.claimEnds[end]];
      return [draw("rect", { class: look, x: left, y, width: Math.max(right - left, 0), height: 6 }),
        ...(sign ? [draw("path", { class: `${look} claim-end`, d: sign(right, y) })] : [])];
    });
  };

  const stays = (one, sessions, scale, used, under) => {
    if (!one.a) return [];
    const bars = new Map();
    one.a.forEach((state, at) => {
      const more = at + 1 < one.t.length;
      const inside = more ? sessions[at + 1] === sessions[at] : one.e[0] === sessions[at];
      const until = inside ? (more ? one.t[at + 1] : one.e[1]) : one.t[at];
      const left = scale.at(sessions[at], one.t[at]);
      const width = Math.max(scale.at(sessions[at], Math.max(until, one.t[at])) - left, 2);
      const phase = all.states[state][1];
      bars.set(phase, `${bars.get(phase) ?? ""}M${left} ${under + ROW * used.indexOf(state) + 4}h${width}v12h${-width}z`);
    });
    return [...bars].map(([phase, d]) => draw("path", { class: `area-${phase}`, d }));
  };

  const skips = (one, sessions, scale, used, under) => {
    const d = (one.k ?? []).flatMap(([at, names]) => names.map((state) =>
      `M${scale.at(sessions[at], one.t[at])} ${under + ROW * used.indexOf(state) + 4}l6 6l-6 6l-6-6z`)).join("");
    return d ? [draw("path", { class: "skipped", d })] : [];
  };

  const frame = (one, scale, bottom) => [...scale.placed].flatMap(([session, { x, width, low, high }], at) => [
    draw("text", { class: "faint", x, y: 14 }, `session ${session}`),
    ...(at ? [draw("line", { class: "cut", x1: x - GAP / 2, x2: x - GAP / 2, y1: 2, y2: bottom })] : []),
    ...(width > 120 || scale.placed.size === 1 ? [
      draw("text", { class: "faint", x, y: bottom + 16 }, when(low)),
      ...(high > low ? [draw("text", { class: "faint", x: x + width, y: bottom + 16, "text-anchor": "end" }, when(high))]
        : [])] : []),
  ]);

  const unseen = (one, scale, top, bottom) => {
    if (!one.e[2]) return [];
    const left = Math.max(...[...scale.placed.values()].map(({ x, width }) => x + width)) + 4;
    let d = "";
    for (let y = top; y < bottom + 30; y += 7) d += `M${left} ${y}l30-30`;
    return [draw("svg", { x: left, y: top, width: 30, height: bottom - top, viewBox: `${left} ${top} 30 ${bottom - top}` },
      draw("path", { class: "hatch", d }))];
  };

  // --- putting it together ----------------------------------------------------------------------------------------

  place.append(
    make("div", { class: "filters", role: "search", "aria-label": "Filter the episodes" }, ...kinds.map(choice), search()),
    ...(all.dyads.length <= 200
      ? [make("datalist", { id: "dyads" }, ...all.dyads.map((name) => make("option", { value: name })))] : []),
    status,
    make("div", { class: "wide" }, make("table", {},
      make("caption", {}, place.dataset.caption),
      make("thead", {}, make("tr", {}, ...columns.map((name) =>
        make("th", { scope: "col", class: counts.includes(name) ? "n" : null }, name)))), body)),
    make("div", { class: "pages" }, before, after), panel);
  place.hidden = false;
  byId("without-scripts").hidden = true;
  filter();
})();
