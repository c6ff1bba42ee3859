"""What tests share: sagas, logs as text, a pure driver, and an oracle that knows the rules anew."""
