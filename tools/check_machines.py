"""Train on two network namespaces, disturb the training, and resume it.

Called by check_machines.sh, in namespaces of its own.
"""
import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List

import torch

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets.toy import make_imagenet

ROOT = Path(__file__).parent.parent
ADDRESSES = ('10.77.0.1', '10.77.0.2')
TIMEOUT = 15  # seconds for which a rank waits for another
MARGIN = 45  # seconds in which all processes end after that
MESSAGE = 'ends after an error in the communication with the other ranks'
DISTURBANCES = {
    'link': 'the link of machine 1 is down',
    'one_way': 'packets reach machine 1, but not machine 0',
    'rank': 'the process of rank 1 is killed',
    'rank_0': 'the process of rank 0 is killed',
    'launcher': 'the launcher of machine 1 is killed',
    'frozen': 'machine 1 stops without closing its connections',
}
RECIPE = """
_base_ = {base!r}
model = dict(teacher_ckpt=None)
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    dataset=dict(data_root={data!r}, indices=64, pipeline=[
        dict(type='LoadImage'),
        dict(type='RandomResizedCrop', scale=32, backend='pillow'),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs')]))
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
default_hooks = dict(logger=dict(interval=1))
train_cfg = dict(max_epochs={epochs})
env_cfg = dict(dist_cfg=dict(timeout={timeout}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='\n'.join(f'{name:10}{what}'
                         for name, what in DISTURBANCES.items()))
    parser.add_argument(
        'disturbances',
        nargs='*',
        metavar='DISTURBANCE',
        help='which ones, one after the other; all by default')
    names = parser.parse_args().disturbances or list(DISTURBANCES)
    unknown = set(names) - set(DISTURBANCES)
    if unknown:
        parser.error(f'unknown: {", ".join(sorted(unknown))}; there are '
                     f'{", ".join(DISTURBANCES)}')

    connect_machines()
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder), names)


def check(folder: Path, names: List[str]) -> None:
    make_imagenet(folder / 'imagenet')
    epochs = len(names) + 2
    recipe = folder / 'recipe.py'
    recipe.write_text(
        RECIPE.format(
            base=str(ROOT / 'configs/cckd/r50_mbv2_in1k.py'),
            data=str(folder / 'imagenet'),
            epochs=epochs,
            timeout=TIMEOUT))
    disturbed, undisturbed = folder / 'disturbed', folder / 'undisturbed'

    print(f'Training {epochs} epochs on two machines', flush=True)
    with training(recipe, undisturbed) as processes:
        require(wait(processes, 600) == [0, 0], 'failed', undisturbed)

    more = []
    for epoch, name in enumerate(names, start=2):
        with training(recipe, disturbed, *more) as processes:
            wait_for_line(f'Epoch(train) [{epoch}][2/', disturbed, processes)
            begin = time.monotonic()
            with disturbance(name, processes):
                left = processes[:1] if name == 'frozen' else processes
                statuses = wait(left, TIMEOUT + MARGIN)
            seconds = time.monotonic() - begin
        require(0 not in statuses, f'exit statuses {statuses}', disturbed)
        # A killed rank says nothing.
        machines = {'rank_0': [1], 'rank': [0]}.get(name, range(len(left)))
        for machine in machines:
            require(MESSAGE in log(disturbed, machine),
                    f'machine {machine} does not say why it ended', disturbed)
        print(f'{DISTURBANCES[name]}: ended after {seconds:.0f} s with a '
              f'message (timeout: {TIMEOUT} s)', flush=True)
        more = ['--resume']
    with training(recipe, disturbed, *more) as processes:
        require(wait(processes, 600) == [0, 0], 'not resumed', disturbed)
    require(
        same_weights(*(path / f'epoch_{epochs}.pth'
                       for path in (undisturbed, disturbed))),
        'the resumed training ended with other weights', disturbed)
    print(f'Resumed {len(names)} times: same weights as the undisturbed '
          'training, bit for bit')


def connect_machines() -> None:
    """Create the namespaces machine0 and machine1, and join them."""
    # ip keeps its namespaces in /run/netns; here, only this process sees it.
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/run'], check=True)
    ip('netns add machine0')
    ip('netns add machine1')
    ip('link add cable0 netns machine0 type veth peer name cable1 netns '
       'machine1')
    for i, address in enumerate(ADDRESSES):
        ip(f'-n machine{i} addr add {address}/24 dev cable{i}')
        ip(f'-n machine{i} link set cable{i} up')
        ip(f'-n machine{i} link set lo up')


def ip(arguments: str) -> None:
    subprocess.run(['ip', *arguments.split()], check=True)


@contextlib.contextmanager
def training(recipe: Path, work_dir: Path,
             *arguments: str) -> Iterator[List[subprocess.Popen]]:
    """Start dist_train.sh on both machines; kill what is left at the end."""
    work_dir.mkdir(exist_ok=True)
    environment = dict(
        os.environ,
        PYTHON=sys.executable,
        NNODES='2',
        MASTER_ADDR=ADDRESSES[0],
        CUDA_VISIBLE_DEVICES='',
        OMP_NUM_THREADS='1')
    processes = []
    for i in range(2):
        with open(work_dir / f'machine{i}.log', 'w') as file:
            processes.append(
                subprocess.Popen([
                    'ip', 'netns', 'exec', f'machine{i}', 'bash',
                    ROOT / 'tools/dist_train.sh', recipe, '1', '--work-dir',
                    work_dir, *arguments
                ],
                                 env=dict(environment, NODE_RANK=str(i)),
                                 stdout=file,
                                 stderr=subprocess.STDOUT))
    try:
        yield processes
    finally:
        for i in range(2):
            for pid in processes_on(i):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for process in processes:
            process.wait()


@contextlib.contextmanager
def disturbance(name: str, processes: List[subprocess.Popen]) -> Iterator:
    """Disturb the training, and repair the network at the end."""
    if name == 'link':
        ip('-n machine1 link set cable1 down')
        yield
        ip('-n machine1 link set cable1 up')
    elif name == 'one_way':
        ip(f'-n machine1 route add blackhole {ADDRESSES[0]}')
        yield
        ip(f'-n machine1 route del blackhole {ADDRESSES[0]}')
    else:
        kill, pids = signal.SIGKILL, [processes[1].pid]
        if name == 'frozen':
            kill, pids = signal.SIGSTOP, processes_on(1)
        elif name != 'launcher':
            launcher = processes[0 if name == 'rank_0' else 1]
            pids = children(launcher.pid)
        for pid in pids:
            os.kill(pid, kill)
        yield


def processes_on(machine: int) -> List[int]:
    found = subprocess.run(['ip', 'netns', 'pids', f'machine{machine}'],
                           stdout=subprocess.PIPE, check=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def children(launcher: int) -> List[int]:
    found = subprocess.run(['pgrep', '-P', str(launcher), '-f', 'train.py'],
                           stdout=subprocess.PIPE, check=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def wait(processes: List[subprocess.Popen], seconds: float) -> List[int]:
    """Return the exit statuses; None for what runs longer than this."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(process.poll() is not None for process in processes):
            break
        time.sleep(0.2)
    return [process.poll() for process in processes]


def wait_for_line(text: str, work_dir: Path,
                  processes: List[subprocess.Popen]) -> None:
    while text not in log(work_dir, 0):
        running = [process.poll() for process in processes] == [None, None]
        require(running, f'ended before {text!r}', work_dir)
        time.sleep(0.1)


def log(work_dir: Path, machine: int) -> str:
    return (work_dir / f'machine{machine}.log').read_text()


def require(condition: bool, problem: str, work_dir: Path) -> None:
    """End with the logs of both machines if a condition does not hold."""
    if condition:
        return
    for i in range(2):
        print(f'--- machine {i}', log(work_dir, i), sep='\n')
    sys.exit(f'check_machines: {work_dir.name} training: {problem}')


def same_weights(one: Path, other: Path) -> bool:
    one, other = (weights(path) for path in (one, other))
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) for name in one)


def weights(path: Path) -> Dict[str, torch.Tensor]:
    from mmengine.runner import CheckpointLoader
    return CheckpointLoader.load_checkpoint(
        str(path), map_location='cpu', logger='silent')['state_dict']


if __name__ == '__main__':
    main()
