# ResNet-50 -> MobileNetV2 on Market-1501 by CCKD, with the settings of
# r50_mbv2_msmt17.py.
_base_ = './r50_mbv2_msmt17.py'

# The networks for the 751 persons of Market-1501.
mbv2 = r18 = r50 = r101 = dict(head=dict(num_classes=751))
model = dict(
    architecture=mbv2,
    teacher=r50,
    # python tools/train.py configs/baseline/r50_market1501.py
    teacher_ckpt='work_dirs/r50_market1501/epoch_120.pth')

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
