// Pins the desync that scripts/provision-peers.sh builds; nothing in here is a program of ours.
module silt.invalid/bench/desync

go 1.21

require github.com/folbricht/desync v0.9.6
