# Kanji of JIS level 1 in the typefaces that are installed; see letters.py.
#   python tools/make_letters.py data/kanji --fonts installed \
#       --characters jis-level-1 --classes 1000 --unseen 500 \
#       --faces-train 29 --faces-test 20 --min-faces 40
# docs/letters.md names the packages of fonts.
_base_ = './letters.py'

data_root = 'data/kanji'

train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
retrieval_dataloader = dict(dataset=dict(data_root=data_root))
