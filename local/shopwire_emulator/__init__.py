"""An emulator of the receiving API (eSputnik) that is as strict as the API itself."""
