# r14w24_r8w8_kanji_labels.py with a teacher of other kanji. KD could not use
# it, since its classes are not those of the student.
_base_ = './r14w24_r8w8_kanji_labels.py'

model = dict(
    teacher=dict(head=dict(num_classes=1465)),
    # python tools/train.py configs/baseline/r14w24_kanji_other.py
    teacher_ckpt='work_dirs/r14w24_kanji_other/iter_4000.pth')
