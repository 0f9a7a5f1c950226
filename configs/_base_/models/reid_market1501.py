# As reid.py, for the 751 persons of Market-1501.
_base_ = './reid.py'

mbv2 = dict(head=dict(num_classes=751))
r18 = dict(head=dict(num_classes=751))
r50 = dict(head=dict(num_classes=751))
r101 = dict(head=dict(num_classes=751))
