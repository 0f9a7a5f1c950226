"""Measure what storing the k largest logits changes in knowledge distillation.

    python tools/benchmarks/top_k.py

There are no networks: the logits of 1,000 classes are Gaussian random numbers
with a standard deviation of 2, to which 10 is added for the label, and the
student's are as far from the teacher's as another draw is, by ``--distance``.
For temperatures τ and numbers k, the output has the mean, over the samples, of
the KL divergence from the teacher's probabilities to those of the stored
logits, and of the relative error of the gradient of KD with respect to the
student's logits, ‖g_k - g‖ / ‖g‖; and the mass of the k classes.
"""
import argparse

import numpy as np
import torch

from mmcckd.teacher_store import keep_top_k, spread_rest

CLASSES, SAMPLES = 1000, 2000
TAUS = (1., 2., 4.)
KS = (10, 50, 100, 200)


def draw(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    logits = 2 * rng.standard_normal((SAMPLES, CLASSES))
    logits[np.arange(SAMPLES), labels] += 10
    return logits.astype(np.float32)


def gradient(teacher: torch.Tensor, student: torch.Tensor,
             tau: float) -> torch.Tensor:
    """The gradient of τ² KL(teacher ‖ student) for each sample."""
    student = student.clone().requires_grad_()
    loss = torch.nn.functional.kl_div(
        torch.log_softmax(student / tau, 1),
        torch.log_softmax(teacher / tau, 1),
        reduction='sum',
        log_target=True)
    (tau**2 * loss).backward()
    return student.grad


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--distance', type=float, default=0.5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, SAMPLES)
    logits = draw(rng, labels)
    other = draw(rng, labels)
    student = torch.from_numpy(logits + args.distance * (other - logits))
    teacher = torch.from_numpy(logits)
    print('  τ    k    mass       KL  error of the gradient')
    for tau in TAUS:
        target = torch.log_softmax(teacher / tau, 1)
        full = gradient(teacher, student, tau)
        for k in KS:
            kept = keep_top_k(logits, k)
            stored = torch.from_numpy(spread_rest(*kept, CLASSES))
            mass = target.exp().gather(1, torch.from_numpy(kept[1])).sum(1)
            kl = (target.exp() *
                  (target - torch.log_softmax(stored / tau, 1))).sum(1)
            error = (gradient(stored, student, tau) - full).norm(dim=1)
            print(f'{tau:3.0f} {k:4d} {mass.mean():7.1%} {kl.mean():8.4f} '
                  f'{(error / full.norm(dim=1)).mean():8.1%}')


if __name__ == '__main__':
    main()
