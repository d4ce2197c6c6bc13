/*! bimotion, Apache-2.0, with ONNX Runtime Web, MIT (NOTICE.txt). Built from web/ by `npm ci && npm run build`; do not edit.
sources sha256: d5c9d9b6822eeecb9f150c77a0532c49bdfcc4ebfcc77a5e94cdcc9489c9b532 */
var d=(a=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(a,{get:(b,c)=>(typeof require<"u"?require:b)[c]}):a)(function(a){if(typeof require<"u")return require.apply(this,arguments);throw Error('Dynamic require of "'+a+'" is not supported')});export{d as a};
