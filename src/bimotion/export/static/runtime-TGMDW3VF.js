/*! bimotion, Apache-2.0, with ONNX Runtime Web, MIT (NOTICE.txt). Built from web/ by `npm ci && npm run build`; do not edit.
sources sha256: e3d4fad7995708c43622e8a690fb970ab06d3a25f0db5c5c5abb6a5fa351845b */
var d=(a=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(a,{get:(b,c)=>(typeof require<"u"?require:b)[c]}):a)(function(a){if(typeof require<"u")return require.apply(this,arguments);throw Error('Dynamic require of "'+a+'" is not supported')});export{d as a};
