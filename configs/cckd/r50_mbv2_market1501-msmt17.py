# ResNet-50 -> MobileNetV2 on Market-1501 and MSMT17 by CCKD, with the settings
# of r50_mbv2_msmt17.py.
_base_ = './r50_mbv2_msmt17.py'

# The networks for 751 persons of Market-1501 and 1,041 of MSMT17.
mbv2 = r18 = r50 = r101 = dict(head=dict(num_classes=751 + 1041))
model = dict(
    architecture=mbv2,
    teacher=r50,
    # python tools/train.py configs/baseline/r50_market1501-msmt17.py
    teacher_ckpt='work_dirs/r50_market1501-msmt17/epoch_120.pth')

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
