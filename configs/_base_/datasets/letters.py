# Letters in typefaces: 32 x 32 gray images that are kept in memory.
#   python tools/make_letters.py data/letters
# Recognition: known letters in unseen faces. Retrieval: unseen letters in
# unseen faces; recipes whose names end with _retrieval evaluate it.
dataset_type = 'Letters'
data_root = 'data/letters'

data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    # about the mean and standard deviation of letters and of kanji
    mean=[56],
    std=[90])

train_pipeline = [
    dict(type='RandomAffine'),
    dict(type='PackInputs'),
]
# The last two are for ReIDMetric; samples for recognition do not have them.
test_pipeline = [
    dict(
        type='PackInputs',
        meta_keys=('sample_idx', 'camera_id', 'is_query')),
]

# With default_collate, the images of a batch are normalized as one tensor.
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train',
        pipeline=train_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=True))

val_dataloader = dict(
    batch_size=500,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='val',
        pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='Accuracy', topk=(1, ))

test_dataloader = dict(
    batch_size=500,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='test',
        pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False))
test_evaluator = val_evaluator

retrieval_dataloader = dict(
    batch_size=500,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='test',
        task='retrieval',
        pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False))
retrieval_evaluator = dict(type='ReIDMetric')
