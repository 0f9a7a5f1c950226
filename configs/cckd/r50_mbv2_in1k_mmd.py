# As r50_mbv2_in1k.py, with the kernel of naive MMD; β too, which is not tuned.
_base_ = './r50_mbv2_in1k.py'

kernel = dict(_delete_=True, type='MMDKernelConnector', gather=True)
model = dict(
    distiller=dict(
        connectors=dict(
            kernel_s=[
                _base_.projection,
                dict(type='MMDKernelConnector', gather=True),
            ],
            kernel_t=kernel)))
