#include "xenner/util/lazy_calls.h"

    LAZY_LIBRARY lazy_libvncserver, "libvncserver.so.1"
    LAZY_CALL rfbClientIteratorNext
    LAZY_CALL rfbCloseClient
    LAZY_CALL rfbEncryptBytes
    LAZY_CALL rfbGetClientIterator
    LAZY_CALL rfbGetScreen
    LAZY_CALL rfbMarkRectAsModified
    LAZY_CALL rfbNewClient
    LAZY_CALL rfbReadExact
    LAZY_CALL rfbRegisterProtocolExtension
    LAZY_CALL rfbReleaseClientIterator
    LAZY_CALL rfbScreenCleanup
    LAZY_CALL rfbStartOnHoldClient
    LAZY_CALL rfbWriteExact
    LAZY_CALL sraRgnCreateRect
    LAZY_CALL sraRgnDestroy
    LAZY_CALL sraRgnMakeEmpty
    LAZY_END
