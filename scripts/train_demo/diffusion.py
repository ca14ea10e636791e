"""The linear noise schedule of 1000 steps and what training needs from it (Ho et al. 2020)."""

import numpy as np
import torch

STEPS = 1000
BETA = np.linspace(1e-4, 0.02, STEPS)
ALPHA_BAR = np.cumprod(1 - BETA)
ALPHA_BAR_PREV = np.append(1.0, ALPHA_BAR[:-1])
POSTERIOR = BETA * (1 - ALPHA_BAR_PREV) / (1 - ALPHA_BAR)
POSTERIOR[0] = POSTERIOR[1]


def table(values):
    return torch.tensor(values, dtype=torch.float32)


SIGNAL = table(np.sqrt(ALPHA_BAR))
NOISE = table(np.sqrt(1 - ALPHA_BAR))
SIGMA = table(np.sqrt((1 - ALPHA_BAR) / ALPHA_BAR))
LOG_BETA = table(np.log(BETA))
LOG_POSTERIOR = table(np.log(POSTERIOR))
# factor of the noise error in the error of the posterior mean
MEAN_FACTOR = table(BETA / np.sqrt((1 - BETA) * (1 - ALPHA_BAR)))


def at(values, t):
    """values[t] as [B,1,1,1]"""
    return values[t][:, None, None, None]


def add_noise(x0, noise, t):
    return at(SIGNAL, t) * x0 + at(NOISE, t) * noise


def variance_bound(fraction, error, t):
    """KL of the true step from the learned one, given the (constant) noise error; nats a value.

    fraction [B,3,H,W] is the network's v; t = 0 is left out by its caller's weights.
    """
    f = (fraction + 1) / 2
    log_p = f * at(LOG_BETA, t) + (1 - f) * at(LOG_POSTERIOR, t)
    log_q = at(LOG_POSTERIOR, t)
    squared = (at(MEAN_FACTOR, t) * error) ** 2
    return 0.5 * (log_p - log_q - 1 + torch.exp(log_q - log_p) + squared * torch.exp(-log_p))
