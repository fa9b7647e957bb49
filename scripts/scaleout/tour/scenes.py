"""What the groups of scenes share: the stack, a client, the narrator."""


class Scenes:
    def __init__(self, driver, client, narrator):
        self._driver = driver
        self._client = client
        self._n = narrator
