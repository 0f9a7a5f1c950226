# r50_mbv2_in1k.py with batches by SUR: from k-means clusters of the teacher's
# features instead of classes.
_base_ = './r50_mbv2_in1k.py'

train_dataloader = dict(
    batch_sampler=dict(
        _delete_=True,
        type='SURSampler',
        # python tools/cluster_superclasses.py configs/cckd/r50_mbv2_in1k.py \
        #     THE_TEACHER_CKPT --num-superclasses 1000
        superclasses='work_dirs/r50_mbv2_in1k/superclasses.npz',
        samples_per_superclass=_base_.k))
