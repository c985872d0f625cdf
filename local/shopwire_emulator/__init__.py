"""An emulator of the receiving API (eSputnik), as strict as the API itself."""
