# The student of the letters without a teacher.
_base_ = './r14w16_letters.py'

model = dict(_delete_=True, **_base_.r8w8)

optim_wrapper = dict(optimizer=dict(lr=1.0))
train_cfg = dict(max_iters=4000)
