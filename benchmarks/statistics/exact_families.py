"""The error rates of the exact families, enumerated and not simulated: every outcome with its probability.

For 0/1 rates and for wins, ties and losses, the greatest probability over true rates that a 95 % lower bound
lies above the truth. Beside it the score interval of Wilson and of Tango (1998), which are not used in
verdicts.

Run: python benchmarks/statistics/exact_families.py
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, gammaln, ndtri, xlog1py, xlogy

from pytest_modelqa.statistics.dirichlet import lower_bound

ALPHA = 0.05
Z = float(-ndtri(ALPHA))


def wilson_lower(successes: np.ndarray, n: int) -> np.ndarray:
    p = successes / n
    return (p + Z**2 / (2 * n) - Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))) / (1 + Z**2 / n)


def rates() -> None:
    print("0/1 rates: greatest P(lower bound > truth) over 2,000 true rates, nominal 0.05")
    for n in (10, 30, 160, 1000):
        k = np.arange(n + 1)
        bounds = {
            "Clopper-Pearson": np.where(k > 0, betaincinv(np.maximum(k, 1e-9), n - k + 1, ALPHA), 0.0),
            "Wilson": wilson_lower(k, n),
        }
        truth = np.linspace(0.001, 0.999, 2000)[:, None]
        log_choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        chance = np.exp(log_choose + xlogy(k, truth) + xlog1py(n - k, -truth))
        worst = {
            name: float((chance * (bound > truth + 1e-12)).sum(1).max()) for name, bound in bounds.items()
        }
        print(f"n {n:5}: " + ", ".join(f"{name} {rate:.4f}" for name, rate in worst.items()), flush=True)


def tango_rejects(wins: np.ndarray, losses: np.ndarray, n: int, difference: float) -> np.ndarray:
    """Whether the score test refutes "wins − losses ≤ difference" at ALPHA."""
    # The restricted estimate of the rate of losses is the larger root of a quadratic (Tango 1998, equation
    # 3.4).
    a = 2 * n
    b = -wins - losses + (2 * n - wins + losses) * difference
    c = -losses * difference * (1 - difference)
    q = (np.sqrt(np.maximum(b**2 - 4 * a * c, 0)) - b) / (2 * a)
    variance = n * np.maximum(2 * q + difference * (1 - difference), 1e-300)
    return (wins - losses - n * difference) / np.sqrt(variance) > Z


def pairs(sizes: tuple[int, ...]) -> None:
    print("\nwins, ties and losses: greatest P(lower bound > true difference), nominal 0.05")
    shares = np.array([0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95])
    differences = np.array([-0.4, -0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
    for n in sizes:
        wins, losses = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
        possible = wins + losses <= n
        wins, losses = wins[possible], losses[possible]
        ties = n - wins - losses
        outcomes = np.array([1.0, 0.0, -1.0])
        lower = np.array(
            [
                lower_bound(outcomes, np.array(counts, float), -1.0, ALPHA)
                for counts in zip(wins, ties, losses, strict=True)
            ]
        )
        log_choose = gammaln(n + 1) - gammaln(wins + 1) - gammaln(losses + 1) - gammaln(ties + 1)
        ours, tango = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
        for share in shares:
            for difference in differences[np.abs(differences) <= share]:
                p_win, p_loss = (share + difference) / 2, (share - difference) / 2
                chance = np.exp(
                    log_choose + xlogy(wins, p_win) + xlogy(losses, p_loss) + xlogy(ties, 1 - share)
                )
                ours = max(ours, (float(chance[lower > difference + 1e-9].sum()), share, difference))
                rejects = tango_rejects(wins, losses, n, float(difference))
                tango = max(tango, (float(chance[rejects].sum()), share, difference))
        print(
            f"n {n:5}: Gaffke {ours[0]:.4f} (differ {ours[1]}, difference {ours[2]}), "
            f"Tango {tango[0]:.4f} (differ {tango[1]}, difference {tango[2]})",
            flush=True,
        )


if __name__ == "__main__":
    rates()
    pairs((10, 20, 40, 80))
