# r18w16_r10w6_digits.py with batches by SUR: from k-means clusters of the
# teacher's features instead of classes.
_base_ = './r18w16_r10w6_digits.py'

train_dataloader = dict(
    batch_sampler=dict(
        _delete_=True,
        type='SURSampler',
        # python tools/cluster_superclasses.py \
        #     configs/baseline/r18w16_digits.py \
        #     work_dirs/r18w16_digits/epoch_80.pth --num-superclasses 20
        superclasses='work_dirs/r18w16_digits/superclasses.npz',
        samples_per_superclass=_base_.k))
