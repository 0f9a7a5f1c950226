# The networks of reid.py for 751 persons of Market-1501 and 1,041 of MSMT17.
_base_ = './reid.py'

mbv2 = r18 = r50 = r101 = dict(head=dict(num_classes=751 + 1041))
