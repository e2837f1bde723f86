"""What operators do now and then: back up, restore, remove what nobody needs, look for faults."""
