package balancer

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	gossipPort = 7946
	// What keeps the gossip alive is 77 and 140 bytes with its IP header; news
	// of a task is some 300.
	smallestNews = 180
)

// newsFilter lets through UDP packets to the gossip's port that are large
// enough to be news. Their content is encrypted and of no interest: they only
// say when to look.
var newsFilter = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 9},                        // protocol
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_UDP, Jf: 6}, //
	{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0},                       // length of the IP header
	{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: 2},                        // destination port
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: gossipPort, Jf: 3},       //
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_LEN},                              //
	{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: smallestNews, Jf: 1},     //
	{Code: unix.BPF_RET | unix.BPF_K, K: 1},                                      // one byte of it is enough
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
}

// listenGossip calls kick for every packet of news that comes to this node or
// leaves it, until ctx ends.
func listenGossip(ctx context.Context, kick func()) error {
	ip := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_IP))
	// Protocol 0 hears nothing until the filter stands and bind gives another.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "gossip")
	defer f.Close()
	program := unix.SockFprog{Len: uint16(len(newsFilter)), Filter: &newsFilter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ip}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for b := make([]byte, 1); ; {
		if _, err := f.Read(b); err != nil && ctx.Err() != nil {
			return nil
		} else if err != nil && !errors.Is(err, unix.ENETDOWN) {
			return err
		}
		kick()
	}
}
