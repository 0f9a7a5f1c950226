# MSMT17 at 256 x 128 with the transforms of Bag of Tricks (Luo et al., CVPR
# Workshops 2019). Training uses list_train.txt alone; tests, also those
# during training, use query and gallery.
dataset_type = 'MSMT17'
image_size = (256, 128)  # height, width

data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    # of ImageNet, RGB
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    # loaded images are BGR
    to_rgb=True)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=image_size[::-1]),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomCrop', crop_size=image_size, padding=10),
    dict(
        type='RandomErasing',
        erase_prob=0.5,
        fill_color=data_preprocessor['mean'][::-1]),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=image_size[::-1]),
    dict(
        type='PackInputs',
        # the last two are for ReIDMetric
        meta_keys=('sample_idx', 'img_path', 'ori_shape', 'img_shape',
                   'camera_id', 'is_query')),
]

# With default_collate, workers send the images of a batch as one tensor.
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root='data/msmt17',
        split='train',
        train_on='train',
        pipeline=train_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=True),
    # The triplet loss needs several images of a person.
    batch_sampler=dict(type='CURSampler', samples_per_class=4))

val_dataloader = dict(
    batch_size=128,
    num_workers=4,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root='data/msmt17',
        split='test',
        pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='ReIDMetric')

test_dataloader = val_dataloader
test_evaluator = val_evaluator
