# The networks of the letters, for the ten classes of Fashion-MNIST.
_base_ = './letters_resnets.py'

num_classes = 10

r14w24 = r8w8 = dict(head=dict(num_classes=num_classes))
