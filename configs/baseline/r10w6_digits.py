# The student of the digits without a teacher.
_base_ = './r18w16_digits.py'

model = dict(_delete_=True, **_base_.r10w6)
