/*! bimotion, Apache-2.0, with ONNX Runtime Web, MIT (NOTICE.txt). Built from web/ by `npm ci && npm run build`; do not edit.
sources sha256: bb49b6964f5de2e0ca2a512a256086c7a07bd0901fda70aaa24cb99f875f8cb1 */
var d=(a=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(a,{get:(b,c)=>(typeof require<"u"?require:b)[c]}):a)(function(a){if(typeof require<"u")return require.apply(this,arguments);throw Error('Dynamic require of "'+a+'" is not supported')});export{d as a};
