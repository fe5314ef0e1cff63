"""Rules about the gradients that an update uses: accumulated, clipped, cut off."""
