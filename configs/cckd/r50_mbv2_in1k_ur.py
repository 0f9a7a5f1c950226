# r50_mbv2_in1k.py with uniform random batches.
_base_ = './r50_mbv2_in1k.py'

train_dataloader = dict(batch_sampler=None)
