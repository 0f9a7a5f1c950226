# Market-1501 and MSMT17 joined for training. Tests, also those during
# training, are on MSMT17 alone; docs/reid.md has the command for Market-1501.
_base_ = './msmt17_bs64.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='JoinedReIDDataset',
        datasets=[
            dict(
                type='Market1501',
                data_root='data/market1501',
                split='train',
                pipeline=_base_.train_pipeline),
            dict(
                type='MSMT17',
                data_root='data/msmt17',
                split='train',
                train_on='train',
                pipeline=_base_.train_pipeline),
        ]))
