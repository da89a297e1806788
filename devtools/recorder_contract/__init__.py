"""The contract of a recorder's adapter as tests: inherit them for an adapter of your own, and run them with pytest.

::

    class TestMine(RecorderContract):
        @pytest.fixture
        def side(self) -> Iterator[RecorderSide]:
            ...  # your recorder, or one for tests; what people and phones do there

        @pytest.fixture
        def config(self, side) -> ConnectionConfig:
            return ConnectionConfig(slug="mine", options=(("key", "value"),))

        @pytest.fixture
        def service(self, side, config) -> RecorderAdapter:
            return MyAdapter.from_config(config)

What your recorder cannot do is said by the variables of ``PortContract``, not by leaving tests out (docs/adapters.md).
"""

from devtools.recorder_contract.adapter_contract import RecorderContract
from devtools.recorder_contract.port_contract import PortContract
from devtools.recorder_contract.sides import AGENT, NOON, QUEUE, RecorderSide, UserSetter

__all__ = ["AGENT", "NOON", "QUEUE", "PortContract", "RecorderContract", "RecorderSide", "UserSetter"]
