# r50_mbv2_in1k.py with the kernel of naive MMD.
_base_ = './r50_mbv2_in1k.py'

# β: between the values at which r = 0.1 on digits (60) and on kanji (6); see
# docs/beta.md.
beta = 20.0

kernel = dict(type='MMDKernelConnector', gather=True)
model = dict(
    distiller=dict(
        connectors=dict(
            kernel_s=[_base_.projection, kernel],
            kernel_t=dict(_delete_=True, **kernel)),
        distill_losses=dict(loss_cc=dict(loss_weight=beta))))
kernel = dict(_delete_=True, **kernel)  # also replaces the variable
