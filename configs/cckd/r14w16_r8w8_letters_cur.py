# r14w16_r8w8_letters.py with class-uniform batches.
_base_ = './r14w16_r8w8_letters.py'

k = 4  # samples of each class in a batch, so 16 classes a batch of 64

train_dataloader = dict(
    batch_sampler=dict(type='CURSampler', samples_per_class=k))
