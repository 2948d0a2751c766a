"""Sources of bars: files, services, markets that are simulated. Each is one function that returns long bars."""
