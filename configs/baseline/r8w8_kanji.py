# The student of the kanji without a teacher.
_base_ = './r14w24_kanji.py'

model = dict(_delete_=True, **_base_.r8w8)

# Chosen at this budget by configs/studies/kanji_budget.yml.
optim_wrapper = dict(optimizer=dict(lr=0.8))
train_cfg = dict(max_iters=1200)
