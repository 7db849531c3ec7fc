"""What scikit-learn's own tests, run here on our classes, expect of pytest's configuration."""


def pytest_configure(config):
    config.addinivalue_line("markers", "thread_unsafe: scikit-learn's mark of tests that do not run in threads")
