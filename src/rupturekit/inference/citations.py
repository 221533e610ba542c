"""Where the methods come from: one entry a source, cited by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["CITATIONS", "cited"]

CITATIONS: Final[Mapping[str, str]] = MappingProxyType({
    "benjamini-hochberg-1995": "Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate: A "
    "practical and powerful approach to multiple testing. Journal of the Royal Statistical Society B, 57(1), 289-300.",
    "benjamini-yekutieli-2001": "Benjamini, Y., & Yekutieli, D. (2001). The control of the false discovery rate in "
    "multiple testing under dependency. Annals of Statistics, 29(4), 1165-1188.",
    "besag-clifford-1991": "Besag, J., & Clifford, P. (1991). Sequential Monte Carlo p-values. Biometrika, 78(2), "
    "301-304.",
    "cameron-gelbach-miller-2008": "Cameron, A. C., Gelbach, J. B., & Miller, D. L. (2008). Bootstrap-based "
    "improvements for inference with clustered errors. Review of Economics and Statistics, 90(3), 414-427.",
    "efron-tibshirani-1993": "Efron, B., & Tibshirani, R. J. (1993). An introduction to the bootstrap. Chapman & Hall.",
    "greenland-robins-1985": "Greenland, S., & Robins, J. M. (1985). Estimation of a common effect parameter from "
    "sparse follow-up data. Biometrics, 41(1), 55-68.",
    "phipson-smyth-2010": "Phipson, B., & Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical "
    "Applications in Genetics and Molecular Biology, 9(1), 39.",
    "tukey-1958": "Tukey, J. W. (1958). Bias and confidence in not-quite large samples (abstract). Annals of "
    "Mathematical Statistics, 29(2), 614.",
})
"""Key -> reference."""


def cited(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the references of some keys, each once, sorted.

    >>> cited(["besag-clifford-1991"])[0][:29]
    'Besag, J., & Clifford, P. (19'
    """
    return tuple(CITATIONS[key] for key in sorted(set(keys)))
