# r50_mbv2_in1k.py with the bilinear kernel.
_base_ = './r50_mbv2_in1k.py'

# β: r = 0.1 at 2e-5 on kanji, with features of norms of about 20, and at 1e-3
# on digits. The fourth power of the norm matters, and ImageNet's features have
# norms of 20 to 30; see docs/beta.md.
beta = 1e-5

kernel = dict(type='BilinearKernelConnector', gather=True)
model = dict(
    distiller=dict(
        connectors=dict(
            kernel_s=[_base_.projection, kernel],
            kernel_t=dict(_delete_=True, **kernel)),
        distill_losses=dict(loss_cc=dict(loss_weight=beta))))
kernel = dict(_delete_=True, **kernel)  # also replaces the variable
