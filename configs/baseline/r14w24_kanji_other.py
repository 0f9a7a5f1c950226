# A teacher of other kanji, which are in neither training nor retrieval. Its
# student is configs/cckd/r14w24_r8w8_kanji_labels_other.py.
_base_ = './r14w24_kanji.py'

num_classes = 1465  # of data/kanji

model = dict(head=dict(num_classes=num_classes))

other = dict(dataset=dict(classes='other'))
train_dataloader = other
val_dataloader = other
test_dataloader = other
