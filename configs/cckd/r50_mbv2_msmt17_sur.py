# r50_mbv2_msmt17.py with batches by SUR: from k-means clusters of the
# teacher's features instead of persons.
_base_ = './r50_mbv2_msmt17.py'

train_dataloader = dict(
    batch_sampler=dict(
        _delete_=True,
        type='SURSampler',
        # As many clusters as persons, so that a batch has several images of
        # some persons, which the triplet loss needs:
        # python tools/cluster_superclasses.py configs/baseline/r50_msmt17.py \
        #     work_dirs/r50_msmt17/epoch_120.pth --num-superclasses 1041
        superclasses='work_dirs/r50_msmt17/superclasses.npz',
        samples_per_superclass=_base_.k))
