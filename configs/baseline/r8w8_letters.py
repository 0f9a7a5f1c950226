# The student of the letters without a teacher.
_base_ = './r14w16_letters.py'

model = dict(_delete_=True, **_base_.r8w8)

train_cfg = dict(max_iters=1200)
