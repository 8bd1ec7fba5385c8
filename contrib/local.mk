EXTRA_DIST += contrib/quickstart contrib/run-tests contrib/gates contrib/check-layers \
	contrib/check-size contrib/dependencies contrib/peers contrib/arm64-libraries contrib/run-unit contrib/trace-summary \
	contrib/debian contrib/engines
