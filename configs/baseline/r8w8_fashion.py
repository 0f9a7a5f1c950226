# The student of Fashion-MNIST without a teacher.
_base_ = './r14w24_fashion.py'

model = dict(_delete_=True, **_base_.r8w8)

train_cfg = dict(max_iters=2000)
