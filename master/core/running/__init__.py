"""What happens while a run goes: events in, transitions and commands out."""
