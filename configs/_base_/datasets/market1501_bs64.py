# Market-1501 with the transforms and batches of MSMT17.
_base_ = './msmt17_bs64.py'

dataset_type = 'Market1501'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root='data/market1501',
        split='train',
        pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(
    dataset=dict(type=dataset_type, data_root='data/market1501'))
