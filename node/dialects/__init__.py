"""How chat is spoken: bytes to Commands, Events and Replies to bytes. No dialect knows another."""
