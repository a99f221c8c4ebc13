"""What is drawn, by matplotlib, which the extra `plots` brings: nothing here is imported unless a plot is asked for."""
