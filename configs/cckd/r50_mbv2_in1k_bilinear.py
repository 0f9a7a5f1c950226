# r50_mbv2_in1k.py with the bilinear kernel.
_base_ = './r50_mbv2_in1k.py'

# β: inner products of features with norms of 20 to 30 are about 1e3 times as
# large as the values of the RBF kernel, and the loss squares them.
beta = 1e-5

kernel = dict(type='BilinearKernelConnector', gather=True)
model = dict(
    distiller=dict(
        connectors=dict(
            kernel_s=[_base_.projection, kernel],
            kernel_t=dict(_delete_=True, **kernel)),
        distill_losses=dict(loss_cc=dict(loss_weight=beta))))
kernel = dict(_delete_=True, **kernel)  # also replaces the variable
