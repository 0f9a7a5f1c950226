# r50_mbv2_in1k.py with the kernel of naive MMD. β is unchanged; it is not
# tuned.
_base_ = './r50_mbv2_in1k.py'

kernel = dict(type='MMDKernelConnector', gather=True)
model = dict(
    distiller=dict(
        connectors=dict(
            kernel_s=[_base_.projection, kernel],
            kernel_t=dict(_delete_=True, **kernel))))
kernel = dict(_delete_=True, **kernel)  # also replaces the variable
