# As r50_mbv2_in1k.py, with the bilinear kernel.
_base_ = './r50_mbv2_in1k.py'

# β: inner products of features as they are, of length 20 to 30, are some 1e3
# times as large as the RBF's values, and the loss squares them.
beta = 1e-5

kernel = dict(_delete_=True, type='BilinearKernelConnector', gather=True)
model = dict(
    distiller=dict(
        connectors=dict(
            kernel_s=[
                _base_.projection,
                dict(type='BilinearKernelConnector', gather=True),
            ],
            kernel_t=kernel),
        distill_losses=dict(loss_cc=dict(loss_weight=beta))))
