"""Where a model and its optimizer live: device, type and wrapping."""
