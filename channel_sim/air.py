"""Frame -> the Burst that arrives after the simulated air."""

import numpy as np

from channel_sim.awgn import awgn, check_es_n0_db
from channel_sim.link import DEFAULT_LINK, make_link
from channel_sim.wire import symbols_to_bytes
from radiosem.frame import Frame
from radiosem_proto.v1.radiosem_pb2 import Burst


class Air:
    """A link under additive white Gaussian noise.

    es_n0_db  Es/N0 in dB, n ~ CN(0, N0); infinite sends clean symbols, for a relay that adds the noise
    link      name in the registry of links
    raises    InputError when either is unusable
    """

    def __init__(self, es_n0_db: float, link: str = DEFAULT_LINK) -> None:
        check_es_n0_db(es_n0_db)
        self.es_n0_db = es_n0_db
        self.link = make_link(link)

    def send(self, frame: Frame, observation_id: str, seed: int | None = None) -> Burst:
        """What the receiver hears.

        seed     makes the noise repeatable; a resend wants another seed, or none, to meet other noise
        returns  a Burst of noisy symbols
        raises   InputError when the frame is too long for a burst
        """
        symbols = awgn(self.link.encode(frame), self.es_n0_db, np.random.default_rng(seed))
        return Burst(
            observation_id=observation_id,
            symbols=symbols_to_bytes(symbols),
            es_n0_db=self.es_n0_db,
            link=self.link.name,
        )
