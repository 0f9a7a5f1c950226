# r14w16_r8w8_letters.py, tested on the retrieval of unseen characters.
_base_ = './r14w16_r8w8_letters.py'

val_dataloader = dict(dataset=dict(task='retrieval'))
val_evaluator = dict(_delete_=True, **_base_.retrieval_evaluator)
test_dataloader = _base_.retrieval_dataloader
test_evaluator = dict(_delete_=True, **_base_.retrieval_evaluator)
